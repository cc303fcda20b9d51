"""What the server tells of itself: counters, histograms, `/metrics`, `/v1/loads`."""
