"""Who is the spy: everybody sees one picture, the spy another, and all give clues (after Vision-Zero, 2509.25541)."""
