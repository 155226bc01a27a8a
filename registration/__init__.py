"""Prior and current CT into one space.

Conventions of the whole package:

- voxel arrays are ``(z, y, x)``; spacings and index tuples say so in their names (``spacing_zyx_mm``, ``index_zyx``);
- points are DICOM patient coordinates (LPS) in millimetres, arrays ``(n, 3)`` in order x, y, z (``points_lps_mm``);
- intensities are Hounsfield units, ``int16``;
- mappings say their direction: ``current_from_prior(points_lps_mm)``.

This package knows nothing of people, databases or Django. The package itself imports nothing, so that importing a part
costs only that part.
"""
