"""What runs show, read from their folders: outcomes, audits, behaviour, and what operators were given."""
