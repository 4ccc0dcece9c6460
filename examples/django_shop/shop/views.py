"""The shop's pages."""

from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Take an order and send its receipt, whose links the email backend wraps."""
    number = "o-1"
    message = EmailMultiAlternatives(f"Your order {number}", "Thank you!", to=[request.POST["email"]])
    message.attach_alternative(render_to_string("shop/receipt.html", {"number": number}), "text/html")
    message.metadata = {"order": number}
    message.send()
    return HttpResponse("Thank you!", content_type="text/plain")


def sale(request: HttpRequest) -> HttpResponse:
    """The page that the receipt's link leads to."""
    return HttpResponse("The sale is on.", content_type="text/plain")
