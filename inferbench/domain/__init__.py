"""Values: what inferbench talks about, frozen, with no behaviour that touches a file, a socket or a clock."""
