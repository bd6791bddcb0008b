from django.urls import path

from apps.users.api import views

urlpatterns = [
    path("auth/register/", views.Register.as_view()),
    path("auth/login/", views.LogIn.as_view()),
    path("auth/refresh/", views.Refresh.as_view()),
    path("auth/logout/", views.LogOut.as_view()),
    path("auth/me/", views.MeView.as_view()),
]
