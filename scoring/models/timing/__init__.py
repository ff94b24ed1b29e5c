"""When: the chance of the event by any month, from the probability at the horizon and the shape of time around it."""
