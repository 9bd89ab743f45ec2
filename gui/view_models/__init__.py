"""What the widgets show, worked out without a widget: texts, rows and roles from a session's facts."""
