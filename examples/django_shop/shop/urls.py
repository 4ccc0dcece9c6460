"""The shop's pages, and the redirect endpoint at the root."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("", include("linkwrap.django.urls")),
    path("order/", views.order),
    path("sale/", views.sale),
]
