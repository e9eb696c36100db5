"""What every connector of CI, delivery and platforms says alike: images, and what they hold."""
