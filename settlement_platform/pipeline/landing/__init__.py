"""Landing: scan the landing zone, identify deliveries, and record them."""
