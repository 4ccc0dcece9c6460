"""The shop's pages, and the redirect endpoint at the root, where links lead to."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("", include("linkwrap.django.urls")),
    path("order/", views.order),
    path("sale/", views.sale),
]
