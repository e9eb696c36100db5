"""MLflow: tracking servers, and copies of their stores."""
