"""What runs beside the application: the advisor, the dashboard, the command line, the receiver, the demo."""
