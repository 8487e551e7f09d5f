"""What the integration tests stand on: holdfast itself, backends, clients, real servers."""
