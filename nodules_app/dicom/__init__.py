"""DICOM files to typed values and back. No Django, no database."""
