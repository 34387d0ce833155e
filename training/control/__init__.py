"""Structure: one ControlNet that obeys lines, depth, poses and a coarse picture, in any mix."""
