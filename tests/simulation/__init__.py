"""Years in a clinic that loses workers, messages and connections: nobody and nothing may get lost by it."""
