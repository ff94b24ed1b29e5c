"""What is said when a history cannot be read, in both languages."""

from rapport.localized import MessageCatalogue

message = MessageCatalogue("rapport.history").message
