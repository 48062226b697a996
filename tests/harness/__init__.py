"""What every black-box suite shares: daemons, a raw S3 client, bodies that describe themselves."""
