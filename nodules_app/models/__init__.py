"""Tables, one file per noun; the constraints in them are the truth."""

from nodules_app.models.users import User

__all__ = ["User"]
