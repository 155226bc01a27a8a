"""A clinic's own list, from the upload to patients with an open step: received, read, judged line by line, stored."""
