"""What residents get of their collection calendar: pages, print, iCalendar, the address of a household."""
