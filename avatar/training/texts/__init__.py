"""What is said in training, written here: sentences, passages and word lists in English and other languages."""
