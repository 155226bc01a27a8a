"""The conference: who is put on, what is decided, who does it by when."""
