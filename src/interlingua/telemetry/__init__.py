"""What operators see of calls: metrics, log lines, spans. All are told of a call once, when it is over."""
