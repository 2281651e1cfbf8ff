"""Documents to try pagemesh on, and the script that makes them."""
