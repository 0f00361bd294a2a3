

def test_the_size_of_vectors_has_its_own_word() -> None:
    """Unknown fields are refused there."""
    body = {"model": "mistral-embed", "input": ["a"], "dimensions": 256}
    assert adapt_request(body) == {"model": "mistral-embed", "input": ["a"], "output_dimension": 256}
