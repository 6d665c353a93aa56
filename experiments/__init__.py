"""Questions asked of genexp, one folder each: how to run it, what came out, what we learnt."""
