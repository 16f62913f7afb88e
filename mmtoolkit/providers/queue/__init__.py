"""A queue of requests to any service that computes vectors: pace, packs, budget, retries. It knows no service by name."""
