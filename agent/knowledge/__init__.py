"""Knowledge files: parsing them, retrieving the paragraph that answers a question, small talk."""
