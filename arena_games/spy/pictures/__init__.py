"""The pictures of spy: generated scenes and charts with an edited twin, and folders of picture pairs."""
