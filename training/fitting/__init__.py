"""The fitting of each part of the committee."""
