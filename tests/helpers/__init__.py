"""What the tests share: servers on loopback, values to begin with, generators and oracles."""
