"""Study files that come with rd3."""
