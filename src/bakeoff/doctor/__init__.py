"""Problems of this installation, and how to fix each."""
