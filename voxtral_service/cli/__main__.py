"""`python -m voxtral_service.cli`."""

from voxtral_service.cli import main

main()
