"""Approve an alert: who must, who is asked, what they are shown, and one person alone when nobody answers."""
