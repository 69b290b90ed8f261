"""How does the staff see users and their sessions?"""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.http import HttpRequest

from users.models import AuthToken, User


class UserCreationForm(AdminUserCreationForm):
    """A new account, with or without a password."""

    class Meta:
        model = User
        fields = ["email", "nickname"]
        field_classes: dict[str, type] = {}


class PasswordChangeForm(AdminPasswordChangeForm):
    """A new password, or none; users with the old password are logged out."""

    def save(self, commit: bool = True) -> User:  # noqa: FBT002 - Django's own signature.
        """End the sessions as well."""
        user: User = super().save(commit=False)
        if commit:
            user.save_credentials(["password"])
        return user


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Django's pages, with e-mail address and nickname instead of the user name."""

    add_form = UserCreationForm
    change_password_form = PasswordChangeForm
    list_display = ["email", "nickname", "is_active", "is_staff", "created_at"]
    list_filter = ["is_active", "is_staff", "is_superuser", "groups"]
    search_fields = ["email", "nickname"]
    ordering = ["email"]
    readonly_fields = ["apple_id", "created_at", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "password", "apple_id"]}),
        ("Profile", {"fields": ["nickname"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["created_at", "last_login"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": ["email", "nickname", "usable_password", "password1", "password2"],
            },
        ),
    ]


@admin.register(AuthToken)
class AuthTokenAdmin(admin.ModelAdmin):
    """Sessions can be viewed and ended, but not created: the admin would not show the secret."""

    list_display = ["id", "user", "created_at", "expires_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "user__nickname"]
    readonly_fields = ["user", "created_at", "expires_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse every user."""
        return False
