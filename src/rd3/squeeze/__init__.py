"""Target -> teacher."""
