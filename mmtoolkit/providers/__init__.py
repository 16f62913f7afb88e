"""Who computes vectors: the offline model and the DashScope service, behind one protocol."""
