//! One process's life: configuration, services, layers, tasks, health, drain.
