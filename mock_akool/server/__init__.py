"""The live server: the application that answers, HTTP connections, the Flask app."""
