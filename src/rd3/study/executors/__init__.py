"""Who does the jobs: this process, or several on this machine."""
