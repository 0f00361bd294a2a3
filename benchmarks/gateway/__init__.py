"""The gateway beside others, in one run: nginx, TensorZero, Portkey, LiteLLM."""
