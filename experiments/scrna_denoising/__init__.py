"""Autoencoders of counts that denoise single cells, held against planted truth."""
