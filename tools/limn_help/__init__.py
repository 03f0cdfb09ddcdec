"""What is made of the --help texts of limn's programs: manual pages and what shells complete."""
