"""From whatever a person has to a manifest of usable pictures, each in its class."""
