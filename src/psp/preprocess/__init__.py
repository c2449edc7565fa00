"""From recordings to clips: clean, choose persons, normalise."""
