"""The shop's settings; the signing keys come from the environment variable LINKWRAP_KEYS."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parents[1]
SECRET_KEY = os.environ.get("SECRET_KEY", "for development only")
ALLOWED_HOSTS = ["shop.example", "click.shop.example", "localhost"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["linkwrap.django", "shop.apps.ShopConfig"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True

DEFAULT_FROM_EMAIL = "shop@shop.example"
EMAIL_BACKEND = "linkwrap.django.backend.EmailBackend"
LINKWRAP = {
    "ACCOUNT_ID": "shop",
    "TRACKING_DOMAIN": "click.shop.example",
    "INNER_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}

EVENTS = BASE_DIR.parent / "out" / "shop-events.jsonl"
