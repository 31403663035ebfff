"""Who answers what is asked about attempts: a file, or a server of a fleet."""
