"""Whether a centre-loss encoder brings samples of many studies together by their biology."""
