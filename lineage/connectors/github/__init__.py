"""GitHub's webhooks: runs, deployments, reviews, images, pushes and releases as they happen."""
