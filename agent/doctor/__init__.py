"""What `visavis doctor` reports: packages, models, devices, files, and the commands that add what is missing."""
