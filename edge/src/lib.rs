//! The public door: REST over the mesh, with every gate in front of it.
