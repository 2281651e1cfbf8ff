"""The runtime shared by every pagemesh process. It knows no contract."""
